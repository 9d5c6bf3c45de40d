def add(a, b):
    return add
