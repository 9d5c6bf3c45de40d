for path in /proc/kcore /proc/keys /proc/key-users /proc/timer_list /proc/sched_debug /proc/latency_stats /proc/kallsyms /proc/kpageflags /proc/sysrq-trigger; do
  if [ -r "$path" ] && [ "$(head -c 64 "$path" 2>/dev/null | wc -c)" -gt 0 ]; then echo "read $path"; fi
  { : > "$path"; } 2>/dev/null && [ ! -c "$path" ] && echo "wrote $path"
done
for path in /proc/acpi /proc/scsi /proc/asound /proc/bus /proc/fs /proc/irq /sys/firmware /sys/kernel /sys/fs/cgroup /sys/class; do
  [ -n "$(ls -A "$path" 2>/dev/null)" ] && echo "listed $path"
done
for path in /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/sys/net/ipv4/ip_forward /proc/sys/vm/overcommit_memory /proc/sys/user/max_user_namespaces; do
  [ -w "$path" ] && echo "may write $path"
done
echo held
