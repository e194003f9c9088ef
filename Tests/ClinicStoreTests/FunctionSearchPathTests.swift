// Functions that run with the rights or in the statement of somebody else look names up where their owner says.

import TestCluster
import Testing

struct FunctionSearchPathTests {
    @Test func `trigger functions and those with their owner's rights have a search path of their own`()
        async throws
    {
        let opened = try await OpenedDatabase()
        let functions = """
            from pg_proc join pg_namespace on pg_namespace.oid = pronamespace
            where (nspname = 'clinic' or nspname like 'clinic\\_api\\_%')
                and (prosecdef or prorettype = 'trigger'::regtype)
                and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e')
            """
        let all = try await opened.texts("select proname::text \(functions)")
        #expect(all.count >= 3)
        let unpinned = try await opened.texts(
            """
            select proname::text \(functions) and not exists (
                select from unnest(proconfig) as setting where setting like 'search\\_path=%pg\\_temp')
            """)
        #expect(unpinned.isEmpty, "\(unpinned)")
        await opened.close()
    }
}
