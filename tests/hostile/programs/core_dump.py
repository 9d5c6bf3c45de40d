import ctypes, os, resource
if max(resource.getrlimit(resource.RLIMIT_CORE)) > 1 or min(resource.getrlimit(resource.RLIMIT_CORE)) < 0:
    print("dumps are allowed:", resource.getrlimit(resource.RLIMIT_CORE))
child = os.fork()
if child == 0:
    os.chdir("/tmp" if os.access("/tmp", os.W_OK) else ".")
    ctypes.string_at(0)
if os.WCOREDUMP(os.waitpid(child, 0)[1]):
    print("dumped")
print("held")
