SELECT COUNT(*) AS raw_pages FROM raw_pages WHERE batch_id = @batch_id
