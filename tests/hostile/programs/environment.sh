env -0 | while IFS= read -r -d '' line; do
  case "${line%%=*}" in
    PATH | HOME | TMPDIR | LANG | USER | PWD | SHLVL | _ | OLDPWD) ;;
    *) echo "variable $line" ;;
  esac
done
[ -z "$BAIT_TOKEN" ] || echo "the bait"
if [ -r /proc/1/environ ] && tr '\0' '\n' < /proc/1/environ 2>/dev/null | grep -q .; then echo "the launcher's environment"; fi
echo held
