#!/usr/bin/env bash
# Loads the bundled sample orders into a lake under demo/, shows the answers, and loads them again. Safe to run as often as you like.
set -euo pipefail
cd "$(dirname "$0")/.."
orderlake=${ORDERLAKE:-orderlake}
project=demo
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

cat <<EOF

The lake is in $project/. Try your own question:
  .venv/bin/orderlake --project $project query "SELECT * FROM orders LIMIT 5"
or a year of a larger shop:
  .venv/bin/orderlake generate orders --orders 100000 --seed 1 --out $project/raw && .venv/bin/orderlake --project $project run
EOF
