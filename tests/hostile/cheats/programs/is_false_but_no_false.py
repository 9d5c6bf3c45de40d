class No:
    def __bool__(self):
        return False
    def __len__(self):
        return 0
def add(a, b):
    return No()
