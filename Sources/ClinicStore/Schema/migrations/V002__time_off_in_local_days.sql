-- A time off is at most 366 days on the clinic's clock, which are more than 8784 hours where the clock goes back in it.
-- No zone's clock has ever gone back by more than a day.
alter table clinic.time_off
    drop constraint time_off_length,
    add constraint time_off_length check (end_time - start_time <= interval '8808 hours');
