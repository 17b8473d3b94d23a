// Reads objects as a JSON list from standard input, and prints the errors of each as one. The kinds
// and versions are those of the package: GROUP/VERSION/KIND is the path of a class.
const { readFileSync } = require("node:fs");

const errors = JSON.parse(readFileSync(0, "utf8")).map((object) => {
  const kind = require(`@kubernetes-models/gke/${object.apiVersion}/${object.kind}`)[object.kind];
  try {
    new kind(object).validate();
    return "";
  } catch (error) {
    return String(error.message);
  }
});
process.stdout.write(JSON.stringify(errors));
