\set product random(1, :families)
SELECT id, identity_id, product_id, full_sku, upis_h, color_code, size_code, condition_code, name, description,
  price_amount, price_currency, version, created_at, updated_at, deleted_at
FROM catalog.variant WHERE full_sku = lpad((:product)::text, 5, '0') || '-BK';
