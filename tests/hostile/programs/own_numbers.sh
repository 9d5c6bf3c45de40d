[ $$ -lt 1000 ] || echo "number $$ of the host"
for place in /proc/[0-9]*; do
  case "${place#/proc/}" in 1 | $$ | "$BASHPID") ;; *) [ -d "$place" ] && echo "sees $place" ;; esac
done
echo held
