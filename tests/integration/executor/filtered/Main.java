// What the JVM does that comes near the filter's edges.
import java.nio.file.*;
import java.util.concurrent.*;
import java.util.stream.*;

public class Main {
    public static void main(String[] args) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        Future<Integer> answer = pool.submit(() -> IntStream.range(0, 1000).parallel().sum());
        if (answer.get() != 499500) throw new AssertionError("pool");
        pool.shutdown();
        Process child = new ProcessBuilder("/bin/echo", "one").start();
        if (!new String(child.getInputStream().readAllBytes()).equals("one\n") || child.waitFor() != 0)
            throw new AssertionError("child");
        Path file = Files.writeString(Path.of("bell"), "glass");
        try (var channel = java.nio.channels.FileChannel.open(file)) {
            channel.map(java.nio.channels.FileChannel.MapMode.READ_ONLY, 0, 5).get(0);
        }
        Thread thread = new Thread(() -> System.out.println("done"));
        thread.setPriority(Thread.MIN_PRIORITY);
        System.gc();
        thread.start();
    }
}
