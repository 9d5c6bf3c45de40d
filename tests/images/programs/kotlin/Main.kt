import kotlin.system.exitProcess

fun main() {
    generateSequence { readLine() }.forEach { println(it) }
    exitProcess(7)
}
