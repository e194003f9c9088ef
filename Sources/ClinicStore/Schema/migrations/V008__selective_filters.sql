-- Lists are planned once for all values of their filters, and have an index for each. Most rows of a clinic have one status, but
-- a list is asked for by the rare ones; and a patient's rows are always fewer than those of a status. The planner goes by these
-- figures from the next ANALYZE on.
alter table clinic.booking alter status set (n_distinct = 50), alter user_id set (n_distinct = -0.2);
alter table clinic.transaction alter status set (n_distinct = 50), alter user_id set (n_distinct = -0.2);
alter table clinic.user_account alter role set (n_distinct = 50);
