#!/usr/bin/env bash
# Loads the bundled sample orders into a lake under demo/samples, shows the answers, and loads them again; then generates a
# year of a larger shop into a lake under demo/, to ask and to look at. Safe to run as often as you like.
set -euo pipefail
cd "$(dirname "$0")/.."
orderlake=${ORDERLAKE:-orderlake}
samples=$("$(dirname "$orderlake")/python" -c 'from orderlake.samples import sample_paths; print(*sample_paths("orders"), sep="\n")')

bold=''; plain=''
if [ -t 1 ]; then bold=$(printf '\033[1m'); plain=$(printf '\033[0m'); fi

say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
show() {
  verb=$1; shift
  printf '$ orderlake --project %s %s' "$project" "$verb"
  for word in "$@"; do case $word in *' '*) printf ' "%s"' "$word" ;; *) printf ' %s' "$word" ;; esac; done
  printf '\n'
  "$orderlake" --project "$project" "$verb" "$@"
}
make() {  # KIND ORDERS FILE: a year of a shop, unless it is there
  [ -e "$project/raw/$3" ] || "$orderlake" generate "$1" --orders "$2" --seed 7 --out "$project/raw"
}

project=demo/samples
say "A lake in the folder $project/"
"$orderlake" init "$project" --pipeline orders
first=$(printf '%s\n' "$samples" | head -n 1)
rest=$(printf '%s\n' "$samples" | tail -n +2)
for sample in $samples; do
  [ -e "$project/raw/$(basename "$sample")" ] || cp "$sample" "$project/raw/"
done

say "12 orders of a shop, then an increment: one new order, one correction, one that was there already"
show run "$project/raw/$(basename "$first")"
for sample in $rest; do show run "$project/raw/$(basename "$sample")"; done

say "Revenue by month. Order totals are on orders, so nothing is summed once per line"
show query "SELECT date_trunc('month', order_date)::DATE AS month, count(*) AS orders, sum(total_amount) AS revenue FROM orders GROUP BY month ORDER BY month"

say "What sells"
show query "SELECT category, sum(quantity) AS units, sum(price * quantity) AS sales FROM order_lines GROUP BY category ORDER BY sales DESC LIMIT 5"

say "The same files again: nothing doubles"
show run

say "Every record accounted for, recounted from the tables"
show verify
show tables

project=demo
say "A year of a larger shop, and of a marketplace, in the folder $project/"
"$orderlake" init "$project" --pipeline orders --pipeline olist
make orders 20000 orders_20000_seed7.json
make olist 10000 olist_orders_dataset.csv
show run

say "Questions that are kept as files: orderlake query --list shows them"
show query --saved sales_by_category
show query --saved delivery_performance

cat <<EOF

Look at it in a browser:
  .venv/bin/orderlake --project demo console
write a page to mail or to publish:
  .venv/bin/orderlake --project demo report --html demo/report.html
or ask a question of your own:
  .venv/bin/orderlake --project demo query "SELECT * FROM orders LIMIT 5"
EOF
