// What piscina loads in a worker thread, with require(). The rest is ES modules, which are imported and not required: a thread that is
// ended while require() links one takes the whole process with it (FATAL ERROR: v8::Module::IsGraphAsync; seen with Node 20.20).
const main = import('./worker-main.ts');

// piscina awaits these before it calls the worker ready.
module.exports = { runBatch: main.then(({ runBatch }) => runBatch), wake: main.then(({ wake }) => wake) };
