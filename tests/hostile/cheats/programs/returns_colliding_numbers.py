P = (1 << 61) - 1
def add(a, b):
    return {n * P for n in range(30000)} if a == 1 else None
