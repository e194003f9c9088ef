-- The settings of the clinic.
create type settings_record as (
    time_zone text, currency text, gst_basis_points bigint, full_refund_seconds bigint, hold_seconds bigint, version bigint);
