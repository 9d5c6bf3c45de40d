bell() {
  if [ "$1" -gt 7 ]; then sleep 30; fi
  bell $(($1 + 1)) | bell $(($1 + 1)) &
}
bell 1 2>/dev/null
sleep 1 2>/dev/null
set -- /proc/[0-9]*
[ $# -le 40 ] || echo "$# processes"
while :; do sleep 0.1 2>/dev/null; done
