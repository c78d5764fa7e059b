-- Raw rows arrive at least once; the same raw_id is the same answer. Only what the other queries read.
SELECT batch_id, raw_id, records
FROM raw_page_log
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY raw_id ORDER BY sent_at) = 1
