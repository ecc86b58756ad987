export function render({ model }) {
  const bar = document.createElement('div'), said = document.createElement('p'), button = document.createElement('button')
  bar.className = 'at bar'
  said.className = 'said'
  said.setAttribute('role', 'status')
  button.type = 'button'
  button.className = 'pill'
  bar.append(said, button)

  function show() {
    said.textContent = model.is_open ? '' : model.text
    // The whole summary is a region of this name; while it is hidden, this is all of it.
    for (const [name, value] of [['role', 'region'], ['aria-label', 'Summary']])
      model.is_open ? bar.removeAttribute(name) : bar.setAttribute(name, value)
    button.textContent = model.is_open ? 'Hide' : 'Summary, send'
    button.setAttribute('aria-label', model.is_open ? 'Hide the summary' : 'Show the summary, and what sends the alerts')
    button.setAttribute('aria-expanded', String(model.is_open))
  }
  function escape(event) {
    if (event.key === 'Escape' && model.is_open && !event.defaultPrevented) model.is_open = false
  }
  button.addEventListener('click', () => { model.is_open = !model.is_open })
  window.addEventListener('keydown', escape)
  model.on('text', show)
  model.on('is_open', show)
  model.on('remove', () => window.removeEventListener('keydown', escape))
  show()
  return bar
}
