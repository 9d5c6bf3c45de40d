let () =
  (try
     while true do
       print_endline (read_line ())
     done
   with End_of_file -> ());
  exit 7
