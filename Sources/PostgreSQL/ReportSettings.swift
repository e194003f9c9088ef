// How reports are planned: for their values, with every kind of scan and join. All other statements keep one plan, because
// planning costs more than most of them.

enum ReportSettings {
    /// Sets it for the transaction.
    static let statement = Statement(
        """
        SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'on', true),
            set_config('enable_bitmapscan', 'on', true), set_config('enable_hashjoin', 'on', true),
            set_config('enable_mergejoin', 'on', true), set_config('enable_memoize', 'on', true)
        """
    ).single
}
