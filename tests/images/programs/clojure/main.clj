(doseq [line (line-seq (java.io.BufferedReader. *in*))] (println line))
(flush)
(System/exit 7)
