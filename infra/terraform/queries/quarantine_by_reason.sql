-- Records that could not be loaded, by pipeline, field and reason.
SELECT pipeline, field, reason, count(*) AS records, max(quarantined_at) AS newest
FROM quarantine
GROUP BY pipeline, field, reason
ORDER BY records DESC
