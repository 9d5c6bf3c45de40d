kill -"$1" $$
sleep 5
