// What would be many crossings from Python, as one each. JSON crosses as text, and so unconverted.
'use strict';

const { ApiObject, App, Chart, JsonPatch } = require('cdk8s');
const { Construct } = require('constructs');

function empty(construct) {
  for (const child of construct.node.children) construct.node.tryRemoveChild(child.node.id);
}

function additions(values, below = '') {
  return Object.entries(values).map(([path, value]) => JsonPatch.add(below + path, value));
}

class Composite extends Construct {
  // An app for each: cdk8s looks at all of an app whenever it renders one of its charts.
  static charts(ids, namespace) {
    return ids.map((id) => new Chart(new App(), id, { namespace }));
  }

  static render(charts) {
    return JSON.stringify(charts.map((chart) => chart.toJson()));
  }

  // jsii keeps every construct that Python has seen for good, so they give up what they hold.
  static take(charts) {
    const objects = Composite.render(charts);
    charts.flatMap((chart) => [chart, ...chart.node.children]).forEach(empty);
    return objects;
  }

  constructor(scope, id, manifests) {
    super(scope, id);
    for (const { id, apiVersion, kind, metadata, ...body } of JSON.parse(manifests)) {
      const object = this.create(id, { apiVersion, kind, metadata });
      // The body is added by patches: cdk8s sorts the keys of what it gets as properties.
      ApiObject.prototype.addJsonPatch.call(object, ...additions(body, '/'));
    }
  }

  create(id, properties) {
    return new ApiObject(this, id, properties);
  }

  object(id) {
    return this.node.findChild(id);
  }

  json(id) {
    return JSON.stringify(this.object(id).toJson());
  }
}

class DerivedObject extends ApiObject {
  later = [];

  // A caller's patch is for what has been derived.
  addJsonPatch(...operations) {
    this.later.push(...operations);
  }

  toJson() {
    const { metadata, ...body } = this.derived()[this.node.id];
    const rendered = super.toJson();
    const complete = { ...rendered, metadata: { ...rendered.metadata, ...metadata }, ...body };
    try {
      return JsonPatch.apply(complete, ...this.later);
    } catch (error) { // in cdk8s' own words
      const at = `at path '${this.node.path}' with name '${this.name}'`;
      throw new Error(`Failed serializing construct ${at}: ${error}`);
    }
  }

  derived() {
    const owner = this.node.scope;
    const inputs = { source: ApiObject.of(owner.source).toJson() };
    for (const before of owner.node.children) {
      if (before === this) break;
      if (before.later.length) inputs[before.node.id] = before.toJson();
    }
    return owner.derived(JSON.stringify(inputs));
  }
}

class Derived extends Composite {
  constructor(scope, id, manifests, source, added) {
    super(scope, id, manifests);
    this.source = source;
    ApiObject.of(source).addJsonPatch(...additions(JSON.parse(added)));
  }

  create(id, properties) {
    return new DerivedObject(this, id, properties);
  }

  // Python is asked again only when what it computes from has changed.
  derived(inputs) {
    if (inputs !== this.inputs) {
      this.answer = JSON.parse(this.derive(inputs));
      this.inputs = inputs;
    }
    return this.answer;
  }

  derive() {
    throw new Error(`${this.node.path} derives nothing`);
  }
}

module.exports = { Composite, Derived };
