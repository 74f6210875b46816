// SPDX-License-Identifier: Apache-2.0
// A target of Java: a thread of its pool appends 1, 2, 3 … to LOG while others fill and drop memory, so that the collector and
// the compiler work. Usage: java Everyday.java LOG
import java.io.FileOutputStream;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

public class Everyday {
    static volatile byte[] last;
    static int number = 0;

    public static void main(String[] arguments) throws Exception {
        var log = new FileOutputStream(arguments[0], true);
        var pool = Executors.newScheduledThreadPool(3);
        pool.scheduleAtFixedRate(() -> {
            try {
                log.write((++number + "\n").getBytes());
            } catch (Exception error) {
                System.exit(3);
            }
        }, 0, 2, TimeUnit.MILLISECONDS);
        for (int i = 0; i < 2; ++i)
            pool.scheduleAtFixedRate(() -> last = new byte[1 << 20], 0, 1, TimeUnit.MILLISECONDS);
    }
}
