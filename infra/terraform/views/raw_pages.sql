-- Raw answers, each once: the same raw_id is the same answer. A filter on batch_id reaches the table through the window.
SELECT *
FROM `${dataset}.raw_page_log`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY batch_id, raw_id ORDER BY sent_at) = 1
