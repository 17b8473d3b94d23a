// What would be many crossings from Python, as one each. JSON crosses as text, and so unconverted.
'use strict';

const { ApiObject, App, Chart, JsonPatch } = require('cdk8s');
const { Construct } = require('constructs');

class Composite extends Construct {
  static chart(id, namespace) {
    return new Chart(new App(), id, { namespace });
  }

  static render(chart) {
    return JSON.stringify(chart.toJson());
  }

  constructor(scope, id, manifests) {
    super(scope, id);
    for (const { id, apiVersion, kind, metadata, ...body } of JSON.parse(manifests)) {
      const object = this.create(id, { apiVersion, kind, metadata });
      // The body is added by patches: cdk8s sorts the keys of what it gets as properties.
      const patches = Object.entries(body).map(([key, value]) => JsonPatch.add(`/${key}`, value));
      ApiObject.prototype.addJsonPatch.call(object, ...patches);
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

  patch(id, additions) {
    const values = Object.entries(JSON.parse(additions));
    this.object(id).addJsonPatch(...values.map(([path, value]) => JsonPatch.add(path, value)));
  }
}

class DerivedObject extends ApiObject {
  later = [];

  // A caller's patch is for what has been derived.
  addJsonPatch(...operations) {
    this.later.push(...operations);
  }

  toJson() {
    const { metadata, ...body } = this.derived();
    const rendered = super.toJson();
    const complete = { ...rendered, metadata: { ...rendered.metadata, ...metadata }, ...body };
    return JsonPatch.apply(complete, ...this.later);
  }

  // Python is asked again only when what it computes from has changed.
  derived() {
    const owner = this.node.scope;
    const inputs = { source: ApiObject.of(owner.source).toJson() };
    for (const before of owner.node.children) {
      if (before === this) break;
      inputs[before.node.id] = before.toJson();
    }
    const asked = JSON.stringify(inputs);
    if (asked !== this.asked) {
      this.answer = JSON.parse(owner.derive(this.node.id, asked));
      this.asked = asked;
    }
    return this.answer;
  }
}

class Derived extends Composite {
  constructor(scope, id, manifests, source) {
    super(scope, id, manifests);
    this.source = source;
  }

  create(id, properties) {
    return new DerivedObject(this, id, properties);
  }

  derive(id) {
    throw new Error(`${this.node.path} does not derive ${id}`);
  }
}

module.exports = { Composite, Derived };
