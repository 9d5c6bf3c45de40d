"""A program in every language that echoes its input, one that is no program, and one that wants all memory."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """``echo`` prints ``got`` and the first line of its input; ``hog`` keeps what it allocates, for ever."""

    path: str
    echo: str
    broken: str
    hog: str


_C_HOG = """
#include <stdlib.h>
#include <string.h>
int main(void) { for (;;) { char *p = (char *)malloc(1 << 22); if (p) memset(p, 1, 1 << 22); } }
"""

SAMPLES = {
    "bash": Sample(
        "main.sh",
        'read -r line; echo "got $line"',
        "if then",
        'x=x; while :; do x="$x$x"; done',
    ),
    "c": Sample(
        "main.c",
        '#include <stdio.h>\nint main(void) { char s[80]; fgets(s, 80, stdin); printf("got %s", s); return 0; }\n',
        "int main(void) { return undeclared; }\n",
        _C_HOG,
    ),
    "cpp": Sample(
        "main.cpp",
        "#include <iostream>\n#include <string>\n"
        'int main() { std::string s; std::getline(std::cin, s); std::cout << "got " << s << "\\n"; }\n',
        "int main() { return undeclared; }\n",
        _C_HOG,
    ),
    "go": Sample(
        "main.go",
        'package main\nimport ("bufio"; "fmt"; "os")\n'
        'func main() { s := bufio.NewScanner(os.Stdin); s.Scan(); fmt.Println("got", s.Text()) }\n',
        "package main\nfunc main() { undeclared() }\n",
        "package main\nfunc main() { var all [][]byte; for { b := make([]byte, 1<<22); for i := range b { b[i] = 1 }; "
        "all = append(all, b) } }\n",
    ),
    "java": Sample(
        "Main.java",
        "import java.util.Scanner;\npublic class Main { public static void main(String[] a) "
        '{ System.out.println("got " + new Scanner(System.in).nextLine()); } }\n',
        "public class Main { int x = undeclared; }\n",
        "import java.util.*;\npublic class Main { public static void main(String[] a) "
        "{ List<byte[]> all = new ArrayList<>(); while (true) all.add(new byte[1 << 22]); } }\n",
    ),
    "javascript": Sample(
        "main.js",
        "process.stdout.write('got ' + require('fs').readFileSync(0, 'utf8'))",
        "const = 1",
        "const all = []; for (;;) all.push(new Array(1 << 16).fill({}))",
    ),
    "lua": Sample(
        "main.lua",
        "print('got ' .. io.read())",
        "local = 1",
        "local all = {} while true do all[#all + 1] = ('x'):rep(1 << 22) .. #all end",
    ),
    "perl": Sample(
        "main.pl",
        "my $line = <STDIN>; print qq(got $line);",
        "my = 1;",
        "my @all; push @all, 'x' x (1 << 22) while 1;",
    ),
    "php": Sample(
        "main.php",
        "<?php echo 'got ', fgets(STDIN);",
        "<?php $ = 1;",
        "<?php $all = []; while (true) $all[] = str_repeat('x', 1 << 22);",
    ),
    "python": Sample(
        "main.py",
        "print('got', input())",
        "x = = 1",
        "all = []\nwhile True: all.append(bytearray(1 << 22))",
    ),
    "ruby": Sample(
        "main.rb",
        "puts 'got ' + gets",
        "x = = 1",
        "all = []\nloop { all << 'x' * (1 << 22) }",
    ),
    "rust": Sample(
        "main.rs",
        "fn main() { let mut s = String::new(); std::io::stdin().read_line(&mut s).unwrap(); "
        'println!("got {}", s.trim()); }\n',
        "fn main() { undeclared(); }\n",
        "fn main() { let mut all = Vec::new(); loop { all.push(vec![1u8; 1 << 22]); } }\n",
    ),
    "sql": Sample(
        "main.sql",
        "create table t (line text);\n.import /dev/stdin t\nselect 'got ' || line from t;",
        "selekt 1;",
        "create table t as with recursive n(i) as (select 1 union all select i + 1 from n) "
        "select randomblob(1048576) from n;",
    ),
    "typescript": Sample(
        "main.ts",
        "import * as fs from 'fs';\nconst line: string = fs.readFileSync(0, 'utf8');\n"
        "process.stdout.write('got ' + line);",
        "const x: = 1",
        "const all: object[] = []; for (;;) all.push(new Array(1 << 16).fill({}))",
    ),
}

#: In languages that manage memory and threads by themselves: 120 MiB kept, a GiB of garbage, some threads.
BUSY = {
    "go": """
package main

import "sync"

var kept [][]byte
var sink []byte

func main() {
	for i := 0; i < 120; i++ {
		kept = append(kept, make([]byte, 1<<20))
		for j := range kept[i] {
			kept[i][j] = 1
		}
	}
	for i := 0; i < 1024; i++ {
		sink = make([]byte, 1<<20)
	}
	var group sync.WaitGroup
	for i := 0; i < 100; i++ {
		group.Add(1)
		go group.Done()
	}
	group.Wait()
	println("glass", len(kept))
}
""",
    "java": """
import java.util.*;

class Main {
    static byte[] sink;

    public static void main(String[] args) throws Exception {
        List<byte[]> kept = new ArrayList<>();
        for (int i = 0; i < 120; i++) kept.add(new byte[1 << 20]);
        for (int i = 0; i < 1024; i++) sink = new byte[1 << 20];
        CountedThread.all(24);
        System.err.println("glass " + kept.size());
    }
}

class CountedThread extends Thread {
    static void all(int count) throws Exception {
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < count; i++) threads.add(new CountedThread());
        for (Thread thread : threads) thread.start();
        for (Thread thread : threads) thread.join();
    }
}
""",
    "javascript": """
const { Worker } = require('worker_threads');
const kept = [];
let sink, left = 3;
for (let i = 0; i < 120; i++) kept.push(new Array(1 << 17).fill(i));
for (let i = 0; i < 1024; i++) sink = new Array(1 << 17).fill(i);
for (let i = 0; i < 3; i++)
  new Worker('1', { eval: true }).on('exit', () => --left || console.error('glass', kept.length));
""",
}
