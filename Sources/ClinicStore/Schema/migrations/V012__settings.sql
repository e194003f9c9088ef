-- What the data means: the zone of its days, the currency of its amounts, and the rules that go with them. One row, made at the
-- first start. A server that decided by another version of it writes nothing more.
create table clinic.settings (
    is_only boolean primary key default true check (is_only),
    time_zone text not null,
    currency text not null,
    gst_basis_points bigint not null,
    full_refund_seconds bigint not null,
    hold_seconds bigint not null,
    version bigint not null default 1,
    constraint settings_gst check (gst_basis_points between 0 and 10000),
    constraint settings_times check (full_refund_seconds >= 0 and hold_seconds > 0)
);
-- A booking share-locks its department, so that the settings by which it was decided cannot change under it.
alter table clinic.department add column settings_version bigint not null default 1;
alter table clinic.department alter settings_version set default clinic.settings_version();
