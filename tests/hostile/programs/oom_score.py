import sys

path = "/proc/self/oom_score_adj"
before = int(open(path).read())
if before < 500:
    print("no more eligible than others:", before)
for score in (-1000, -1, 0, before - 1):
    try:
        with open(path, "w") as file:
            file.write(str(score))
        print("lowered to", score)
    except OSError:
        pass
print("held")
held = []
while "hog" in sys.argv:
    held.append(b"x" * (1 << 20))
