import os, shutil
for name in os.listdir("."):
    os.unlink(name)
