// A cdk8s app that emits the objects of a JSON file: {"directory": [object, ...], ...}.
//
// It is as fast as such an app gets: the objects are given, one chart a directory, one file an
// object (the output type that looks at each chart once).
import { readFileSync } from 'node:fs';
import { ApiObject, App, Chart, JsonPatch, YamlOutputType } from 'cdk8s';

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels?: Record<string, string> };
  [key: string]: unknown;
}

const [objects, outdir] = process.argv.slice(2);
const directories: Record<string, Manifest[]> = JSON.parse(readFileSync(objects, 'utf-8'));
const app = new App({
  outdir,
  yamlOutputType: YamlOutputType.FOLDER_PER_CHART_FILE_PER_RESOURCE,
});
for (const [directory, manifests] of Object.entries(directories)) {
  const chart = new Chart(app, directory, { disableResourceNameHashes: true });
  for (const { apiVersion, kind, metadata, ...body } of manifests) {
    const object = new ApiObject(chart, kind, { apiVersion, kind, metadata });
    object.addJsonPatch(
      ...Object.entries(body).map(([key, value]) => JsonPatch.add(`/${key}`, value)),
    );
  }
}
app.synth();
