-- title: Why records were set aside
-- question: Which field was wrong in the records that could not be loaded, how, and how often?
-- grain: one row per pipeline, field and reason
-- note: A record that was mended and loaded since is still counted: quarantine keeps what came.
-- parameter: start date = 2000-01-01  First day on which they were set aside, in UTC
-- parameter: until date = 2100-01-01  Last day
-- parameter: limit int = 50  How many reasons
-- chart: bar reason records
SELECT
  pipeline,
  coalesce(field, '') AS field,
  reason,
  count(*) AS records,
  count(DISTINCT source) AS sources,
  max(CAST(quarantined_at AS DATE)) AS newest
FROM quarantine
WHERE CAST(quarantined_at AS DATE) BETWEEN $start AND $until
GROUP BY 1, 2, 3
ORDER BY records DESC, pipeline, field, reason
LIMIT $limit
