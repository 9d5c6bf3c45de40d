import resource
for name in ("CORE", "FSIZE", "NOFILE", "STACK", "MEMLOCK", "CPU"):
    number = getattr(resource, "RLIMIT_" + name)
    soft, hard = resource.getrlimit(number)
    if hard == resource.RLIM_INFINITY:
        print("without limit:", name)
        continue
    for limit in ((soft, hard + 1), (resource.RLIM_INFINITY, resource.RLIM_INFINITY)):
        try:
            resource.setrlimit(number, limit)
        except (OSError, ValueError):
            pass
    if resource.getrlimit(number)[1] not in range(hard + 1):
        print("raised", name)
print("held")
