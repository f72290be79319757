WITH asked AS (
  SELECT n, CASE WHEN n % $4::integer = 0 THEN 0 ELSE 1 + n % ($5::integer - 1) END AS variant, clock_timestamp() AS at
  FROM generate_series($1::bigint, $2::bigint - 1) AS n
), fresh AS (
  INSERT INTO inventory.item (variant_id, serial_number, location, unit_cost, cost_currency, received_at, updated_at)
  SELECT $3::bigint + variant, $7::text || lpad(n::text, 8, '0'), 'S-' || lpad((n % $6::integer)::text, 3, '0'),
    10 + n % 300, 'USD', at, at
  FROM asked ORDER BY n
  RETURNING id, variant_id, status, location, unit_cost, cost_currency, received_at
)
INSERT INTO inventory.movement (item_id, sequence, action, variant_id, after_status, after_location, unit_cost,
  cost_currency, actor_id, actor_name, actor_role, created_at)
SELECT id, 1, 'RECEIVE', variant_id, status, location, unit_cost, cost_currency, '1', 'bench', 'ADMIN', received_at
FROM fresh
