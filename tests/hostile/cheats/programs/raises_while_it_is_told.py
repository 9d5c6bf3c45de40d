class Sly(Exception):
    def __str__(self):
        raise BaseException("no")
def add(a, b):
    raise Sly
