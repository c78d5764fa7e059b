-- The export's order. A floor's true volume is unknown, so floors share the first rank of their grade and stand by id.
SELECT
  CASE
    WHEN g.tier >= 0 THEN RANK() OVER (
      ORDER BY
        CASE WHEN g.tier >= 0 THEN 0 ELSE 1 END,
        g.tier,
        CASE WHEN r.volume_is_floor THEN 0 ELSE 1 END,
        CASE WHEN r.volume_is_floor THEN 0 ELSE -r.half_cents END,
        CASE WHEN r.volume_is_floor THEN 0 ELSE -r.half_sides END
    )
  END AS position,
  g.grade AS grade,
  g.reasons AS reasons,
  r.document AS document
FROM results AS r
INNER JOIN grades AS g
  ON g.batch_id = r.batch_id AND g.grading_run = r.grading_run AND g.professional_id = r.professional_id
WHERE r.batch_id = @batch_id AND r.grading_run = @grading_run
ORDER BY CASE WHEN g.tier >= 0 THEN 0 ELSE 1 END, position, r.professional_id
