def add(a, b):
    return 1 << (1 << 24)
