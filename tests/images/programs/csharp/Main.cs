using System;

static class Program
{
    static int Main()
    {
        for (string line; (line = Console.ReadLine()) != null;) Console.WriteLine(line);
        return 7;
    }
}
