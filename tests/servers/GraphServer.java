import java.nio.file.Path;
import org.neo4j.configuration.GraphDatabaseSettings;
import org.neo4j.configuration.connectors.BoltConnector;
import org.neo4j.configuration.connectors.ConnectorPortRegister;
import org.neo4j.configuration.connectors.ConnectorType;
import org.neo4j.configuration.helpers.SocketAddress;
import org.neo4j.dbms.api.DatabaseManagementServiceBuilder;
import org.neo4j.kernel.internal.GraphDatabaseAPI;

/**
 * A Neo4j Community server on loopback Bolt: java GraphServer.java DATA_DIR PORT [auth] [attached].
 * Port 0 takes a free one. Prints its address once it answers. With "auth" it asks for a password; with "attached" it ends with its standard input,
 * so that it never outlives the process that started it.
 */
public class GraphServer {
    public static void main(String[] args) throws Exception {
        var options = java.util.Set.of(args);
        var service = new DatabaseManagementServiceBuilder(Path.of(args[0]))
            .setConfig(BoltConnector.enabled, true)
            .setConfig(BoltConnector.listen_address, new SocketAddress("127.0.0.1", Integer.parseInt(args[1])))
            .setConfig(GraphDatabaseSettings.auth_enabled, options.contains("auth"))
            .setConfig(GraphDatabaseSettings.pagecache_memory, 256L * 1024 * 1024)
            .build();
        Runtime.getRuntime().addShutdownHook(new Thread(service::shutdown));
        var database = (GraphDatabaseAPI) service.database("neo4j");
        var address = database.getDependencyResolver().resolveDependency(ConnectorPortRegister.class).getLocalAddress(ConnectorType.BOLT);
        System.out.println("bolt://127.0.0.1:" + address.getPort());
        if (options.contains("attached")) {
            while (System.in.read() >= 0) { }
            System.exit(0);
        }
        Thread.currentThread().join();
    }
}
