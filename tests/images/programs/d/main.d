import std.stdio;

int main()
{
    foreach (line; stdin.byLine)
        writeln(line);
    return 7;
}
