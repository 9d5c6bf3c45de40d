io.write(io.read('a'))
os.exit(7)
