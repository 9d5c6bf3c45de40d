mkdir -p found 2>/dev/null
for file in /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/memory.max /sys/fs/cgroup/cgroup.freeze /sys/fs/cgroup/freezer/freezer.state; do
  [ -e "$file" ] && [ -w "$file" ] && echo "may write $file"
  [ "$1" != shown ] && [ -r "$file" ] && cat "$file" >/dev/null 2>&1 && echo "read $file"
done
[ "$1" = shown ] || [ -z "$(ls -A /sys/fs/cgroup 2>/dev/null)" ] || echo "listed"
echo held
