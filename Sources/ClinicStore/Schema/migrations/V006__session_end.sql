-- A sign-in whose refresh token was used twice is kept until its access tokens have expired, so that servers refuse them.
alter table clinic.refresh_family add column ended_at timestamptz;
-- Housekeeping deletes what has expired.
create index refresh_family_by_expiry on clinic.refresh_family (expires_at);
