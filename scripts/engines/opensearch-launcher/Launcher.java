import java.lang.reflect.Constructor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Runs one OpenSearch node, 2.x or 3.x, with the modules on its class path: {@code java -cp ... Launcher FOLDER}, settings in
 * FOLDER/config/opensearch.yml. The server's own start refuses root and wants the folders of an installation; this one
 * builds the node itself. By reflection, so that it compiles without the jars and serves both majors.
 */
public final class Launcher {
  /** Packages and names of the modules; 3.x says "ModulePlugin" where 2.x says "Plugin". */
  private static final List<String> MODULES = List.of(
      "org.opensearch.transport.Netty4",
      "org.opensearch.analysis.common.CommonAnalysis",
      "org.opensearch.index.mapper.MapperExtras",
      "org.opensearch.join.ParentJoin",
      "org.opensearch.index.reindex.Reindex",
      "org.opensearch.painless.Painless",
      "org.opensearch.script.mustache.Mustache",
      "org.opensearch.search.aggregations.matrix.MatrixAggregation",
      "org.opensearch.index.rankeval.RankEval");

  private Launcher() {}

  public static void main(String[] args) throws Exception {
    Class<?> nodeType = Class.forName("org.opensearch.node.Node");
    Class<?> environmentType = Class.forName("org.opensearch.env.Environment");
    Constructor<?> constructor =
        nodeType.getDeclaredConstructor(environmentType, java.util.Collection.class, boolean.class);
    constructor.setAccessible(true);
    boolean describedModules =
        constructor.getGenericParameterTypes()[1].getTypeName().contains("PluginInfo");

    Object node = constructor.newInstance(environment(args[0]), modules(describedModules), true);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      try {
        nodeType.getMethod("close").invoke(node);
      } catch (ReflectiveOperationException problem) {
        problem.printStackTrace();
      }
    }));
    nodeType.getMethod("start").invoke(node);
    Thread.currentThread().join();
  }

  private static Object environment(String folder) throws ReflectiveOperationException {
    Class<?> settingsType = Class.forName("org.opensearch.common.settings.Settings");
    Object builder = settingsType.getMethod("builder").invoke(null);
    // In the settings file alone it would not count.
    builder.getClass().getMethod("put", String.class, String.class)
        .invoke(builder, "path.home", Path.of(folder).toAbsolutePath().toString());
    Object settings = builder.getClass().getMethod("build").invoke(builder);
    Supplier<String> nodeName = () -> "node-1";
    return Class.forName("org.opensearch.node.InternalSettingsPreparer")
        .getMethod("prepareEnvironment", settingsType, Map.class, Path.class, Supplier.class)
        .invoke(null, settings, Map.of(), null, nodeName);
  }

  /** Those that are on the class path: their classes, or descriptions of them. */
  private static List<Object> modules(boolean described) throws ReflectiveOperationException {
    List<Object> found = new ArrayList<>();
    for (String module : MODULES) {
      for (String ending : List.of("Plugin", "ModulePlugin")) {
        try {
          Class<?> type = Class.forName(module + ending);
          found.add(described ? description(type) : type);
        } catch (ClassNotFoundException absent) {
          // The other major's name.
        }
      }
    }
    return found;
  }

  private static Object description(Class<?> module) throws ReflectiveOperationException {
    Class<?> version = Class.forName("org.opensearch.Version");
    return Class.forName("org.opensearch.plugins.PluginInfo")
        .getConstructor(String.class, String.class, String.class, version, String.class,
            String.class, String.class, List.class, boolean.class)
        .newInstance(module.getSimpleName(), "on the class path", "none",
            version.getField("CURRENT").get(null), Integer.toString(Runtime.version().feature()),
            module.getName(), null, List.of(), false);
  }
}
