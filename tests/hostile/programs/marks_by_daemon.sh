if [ -e later ]; then echo "a daemon of the first case wrote"; fi
echo held
(trap '' TERM HUP; setsid sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 0.05; echo x > later; done' </dev/null >/dev/null 2>&1 &)
if [ -e second ]; then sleep 0.6; [ -e later ] && [ -z "$(find later -newer second)" ] || true; fi
: > second
