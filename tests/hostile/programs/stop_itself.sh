echo stopping
kill -STOP $$
echo continued
