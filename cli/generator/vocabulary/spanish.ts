// The Spanish part of the shop.

import { item } from '../vocabulary.ts';
import type { Vocabulary } from '../vocabulary.ts';

export const spanish: Vocabulary = {
  language: 'es',
  share: 0.08,
  offsetMinutes: -180,
  names: ['{noun} {style} {brand}, {colour}', '{brand}: {noun} {style} en color {colour}'],
  descriptions: [
    'Con {feature} y {second}, de {material}, para {use}.',
    'De {material}, con {feature}; perfecto para {use}.',
  ],
  queries: ['{noun}', '{noun} {style}', '{noun} para {use}', '{noun} {colour}'],
  aisles: [
    {
      category: 'Audio',
      items: [
        item('auriculares', 40, 350, 'inalámbricos', 'con cancelación de ruido'),
        item('altavoz', 30, 280, 'portátil', 'resistente al agua'),
      ],
      features: ['40 horas de batería', 'graves profundos', 'micrófono integrado', 'carga rápida'],
      materials: ['plástico reciclado', 'aluminio cepillado'],
      uses: ['el gimnasio', 'viajes largos', 'teletrabajar'],
    },
    {
      category: 'Footwear',
      items: [
        item('zapatillas para correr', 55, 200, 'ligeras', 'amortiguadas'),
        item('botas de montaña', 80, 280, 'impermeables', 'de caña alta'),
      ],
      features: ['suela antideslizante', 'tejido transpirable', 'plantilla extraíble'],
      materials: ['cuero', 'malla y goma', 'poliéster reciclado'],
      uses: ['entrenar a diario', 'senderos rocosos', 'días de lluvia'],
    },
    {
      category: 'Clothing',
      items: [
        item('vestido de verano', 30, 160, 'floral', 'de lino'),
        item('camiseta', 12, 50, 'de algodón', 'de manga larga'),
        item('vaqueros', 35, 140, 'ajustados', 'de talle alto'),
      ],
      features: ['corte favorecedor', 'tacto suave', 'bolsillos ocultos'],
      materials: ['algodón orgánico', 'lino puro', 'tela vaquera elástica'],
      uses: ['los días de calor', 'la oficina', 'salir de fiesta'],
    },
    {
      category: 'Kitchen',
      items: [
        item('cafetera', 40, 700, 'espresso', 'automática'),
        item('sartén', 20, 130, 'antiadherente', 'de hierro'),
      ],
      features: ['espumador de leche', 'calor uniforme', 'mango frío'],
      materials: ['acero inoxidable', 'cerámica', 'hierro fundido'],
      uses: ['cocinas pequeñas', 'el desayuno', 'cenas en familia'],
    },
    {
      category: 'Furniture',
      items: [
        item('silla de oficina', 90, 600, 'ergonómica', 'giratoria'),
        item('estantería', 60, 400, 'de roble', 'industrial'),
      ],
      features: ['apoyo lumbar', 'montaje sencillo', 'altura regulable'],
      materials: ['madera maciza', 'acero lacado', 'bambú'],
      uses: ['trabajar en casa', 'pisos pequeños', 'el salón'],
    },
    {
      category: 'Garden & DIY',
      items: [
        item('taladro', 50, 260, 'inalámbrico', 'percutor'),
        item('barbacoa', 60, 800, 'de carbón', 'de gas'),
      ],
      features: ['motor potente', 'maletín de transporte', 'dos baterías'],
      materials: ['acero forjado', 'acero galvanizado'],
      uses: ['reparaciones en casa', 'fiestas de verano', 'jardines grandes'],
    },
  ],
};
