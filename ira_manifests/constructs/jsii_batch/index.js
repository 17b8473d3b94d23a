// Batched calls from Python. JSON is passed as text, which jsii does not convert value by value.
'use strict';

const { ApiObject, App, Chart, JsonPatch } = require('cdk8s');
const { Construct } = require('constructs');

function empty(construct) {
  for (const child of construct.node.children) {
    empty(child);
    construct.node.tryRemoveChild(child.node.id);
  }
}

function additions(values, below = '') {
  return Object.entries(values).map(([path, value]) => JsonPatch.add(below + path, value));
}

class Composite extends Construct {
  // One app for each chart: cdk8s visits all charts of an app whenever it renders one of them.
  static charts(ids) {
    return ids.map((id) => new Chart(new App(), id));
  }

  static render(charts) {
    return JSON.stringify(charts.map((chart) => chart.toJson()));
  }

  // jsii never frees a construct that Python has a reference to, so remove all children.
  static take(charts) {
    const objects = Composite.render(charts);
    charts.forEach(empty);
    return objects;
  }

  constructor(scope, id, manifests) {
    super(scope, id);
    for (const { id, apiVersion, kind, metadata, ...body } of JSON.parse(manifests)) {
      const object = this.create(id, { apiVersion, kind, metadata });
      // Add the body by patches, because cdk8s sorts the keys of properties.
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

  // Patches apply to the derived object, so keep them until it is rendered.
  addJsonPatch(...operations) {
    this.later.push(...operations);
  }

  toJson() {
    const { metadata, ...body } = this.derived()[this.node.id];
    const rendered = super.toJson();
    const complete = { ...rendered, metadata: { ...rendered.metadata, ...metadata }, ...body };
    try {
      return JsonPatch.apply(complete, ...this.later);
    } catch (error) { // the same message as cdk8s
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

  // Call Python again only if the inputs have changed.
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
