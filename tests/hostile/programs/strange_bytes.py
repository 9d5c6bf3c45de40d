import os
os.write(1, b"\0\0\xff\xfe\xc3" + b"\x1b[2J\x1b]0;x\x07" + b"\xef\xbb\xbf" + b"\r\b\n")
os._exit(4)
