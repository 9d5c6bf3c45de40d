fun copy () =
  case TextIO.inputLine TextIO.stdIn of
    SOME line => (print line; copy ())
  | NONE => ();
copy ();
val () = Posix.Process.exit 0w7;
