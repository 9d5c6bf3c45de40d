import os
depth = 0
try:
    while depth < 3000:
        os.mkdir("d" * 250)
        os.chdir("d" * 250)
        depth += 1
except OSError:
    pass
print("held" if 0 < depth <= 512 else f"{depth} levels")
