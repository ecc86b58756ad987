export function render({ model, el }) {
  const row = document.createElement('div')
  row.className = 'at row'
  row.setAttribute('role', 'group')

  function draw() {
    row.setAttribute('aria-label', model.label)
    row.replaceChildren(
      ...model.buttons.map(({ value, label, title }) => {
        const button = document.createElement('button')
        button.type = 'button'
        button.className = 'pill'
        button.textContent = label
        button.dataset.value = value
        if (title) button.title = title
        button.setAttribute('aria-pressed', String(model.pressed.includes(value)))
        button.addEventListener('click', () => model.send_msg(value))
        return button
      })
    )
  }

  function press() {
    for (const button of row.children)
      button.setAttribute('aria-pressed', String(model.pressed.includes(button.dataset.value)))
  }
  model.on('buttons', draw)
  model.on('pressed', press)
  draw()
  return row
}
